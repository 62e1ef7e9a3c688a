"""Where webhooks may not go: hundreds of ways to write an address inside, and names that change their mind."""

from collections.abc import Sequence
from ipaddress import IPv4Address, ip_address, ip_network
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendigopro.foundation.addresses import (
    ForbiddenAddress,
    Origin,
    SystemLookup,
    Target,
    addresses_of,
    is_public,
    is_somewhere,
    read_url,
)
from sendigopro.foundation.problems import Invalid

INSIDE_V4 = (
    "127.0.0.1", "127.255.255.254", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1",
    "192.168.255.254", "169.254.169.254", "169.254.170.2", "100.64.0.1", "100.100.100.200", "0.0.0.0", "0.1.2.3",  # noqa: S104  # as a destination
    "192.0.0.192", "192.0.2.7", "198.18.0.1", "198.19.255.255", "198.51.100.9", "203.0.113.5", "224.0.0.1",
    "239.255.255.250", "240.0.0.1", "255.255.255.255", "168.63.129.16", "192.88.99.1",
)  # fmt: skip
INSIDE_V6 = (
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::10.0.0.1", "2002:7f00:1::",
    "2002:a00:1::1", "2002:a9fe:a9fe::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1", "2001:2::1", "2001:10::1",
    "fc00::1", "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fe80::a9fe:a9fe", "fec0::1", "ff02::1", "ff05::1:3",
    "100::1", "3fff::1", "5f00::1", "2620:4f:8000::1", "4000::1", "e000::1",
)  # fmt: skip


def odd_forms(text: str) -> list[str]:
    """The ways inet_aton and browsers read one IPv4 address."""
    a, b, c, d = (int(part) for part in text.split("."))
    number = int(IPv4Address(text))
    parts = [[str(part), hex(part), f"0{part:o}", f"000{part:o}", f"0X{part:X}"] for part in (a, b, c, d)]
    mixed = [".".join(form) for form in product(*[[part[0], part[1], part[2]] for part in parts])]
    return [
        *(form for form in mixed if form != text),
        str(number), hex(number), f"0{number:o}", hex(number).upper().replace("X", "x"), f"0X{number:x}",
        f"{a}.{number & 0xFFFFFF}", f"{a}.{b}.{number & 0xFFFF}", f"{a}.{hex(number & 0xFFFFFF)}",
        f"{text}.", f"{a}.{b}.{c}.{d + 256}", f"00{text}", f"{number + (1 << 32)}", f"{text}.0", "0x", f"{a}..{c}.{d}",
    ]  # fmt: skip


ODD_V4 = sorted({form for text in INSIDE_V4[:9] for form in odd_forms(text)})
ODD_URLS = (
    "", " ", "https://", "https:///path", "https://?", "//example.com/", "example.com", "/hook", "https:example.com",
    "https:/example.com", "https:\\\\example.com", "https://example.com\\@127.0.0.1/", "https://user@example.com/",
    "https://user:pass@example.com/", "https://:@example.com/", "https://@example.com/", "https://example.com@127.0.0.1/",
    "https://127.0.0.1#@example.com/", "https://example.com#", "https://example.com/#fragment",
    "https://exa mple.com/", "https://example.com/a b", "https://example.com/\t", "https://example.com/\r\nHost: evil",
    "https://example.com/\n", "\nhttps://example.com/", "https://example.com/\x00", "https://example.com\x00.evil.com/",
    "https://example.com/ü", "https://münchen.de/", "https://①②⑦.⓪.⓪.①/", "https://127。0。0。1/",
    "https://ｌocalhost/",  # noqa: RUF001  # the point of it
    "https://localhost/", "https://LOCALHOST/", "https://localhost./",
    "https://a.localhost/", "https://printer.local/", "https://metadata.google.internal/", "https://metadata/",
    "https://instance-data/", "https://db/", "https://router.lan/", "https://nas.home/", "https://x.home.arpa/",
    "https://wiki.corp/", "https://wiki.intranet/", "https://box.private/", "https://abc.onion/",
    "https://example.com:0/", "https://example.com:65536/", "https://example.com:-1/", "https://example.com:+443/",
    "https://example.com:443x/", "https://example.com:/", "https://example.com:0443/", "https://example.com:443:443/",
    "https://example.com:22/", "https://example.com:25/", "https://example.com:80/", "https://example.com:3306/",
    "https://example.com:5432/", "https://example.com:6379/", "https://example.com:8080/", "https://example.com:9200/",
    "http://example.com/", "HTTP://example.com/", "http://example.com:443/", "ftp://example.com/", "file:///etc/passwd",
    "gopher://example.com:70/_x", "dict://example.com:11211/", "ldap://example.com/", "ws://example.com/",
    "wss://example.com/", "javascript:alert(1)", "data:text/plain,x", "unix:///run/docker.sock", "jar:https://e.com!/",
    "httpss://example.com/", "https+unix://example.com/", "https://[::1", "https://::1/", "https://[::1]x/",
    "https://[::1]443/", "https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/", "https://[]/", "https://[127.0.0.1]/",
    "https://[v1.x]/", "https://[:::1]/", "https://[0:0:0:0:0:0:0:0:1]/", "https://.example.com/",
    "https://example..com/", "https://-example.com/", "https://example-.com/", "https://exam_ple.c_m/",
    "https://*.example.com/", "https://example.com,evil.com/", "https://example.com;evil.com/", "https://ex%61mple.com/",
    "https://%31%32%37.0.0.1/", "https://127.0.0.1%2f@example.com/", "https://example.com|evil.com/",
    "https://example.com/`id`", "https://example.com/{x}", "https://example.com/<x>", 'https://example.com/"',
    "https://example.com/^", f"https://{'a' * 64}.com/", f"https://{'a.' * 127}com/",
    f"https://example.com/{'a' * 2048}",
)  # fmt: skip


@pytest.mark.parametrize("host", INSIDE_V4)
def test_an_address_inside_is_refused_at_creation(host: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_url(f"https://{host}/hook", allow_private=False)

    assert refusal.value.code == "forbidden_url"


@pytest.mark.parametrize("host", INSIDE_V6)
def test_an_ipv6_address_inside_is_refused_at_creation(host: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_url(f"https://[{host}]/hook", allow_private=False)

    assert refusal.value.code == "forbidden_url"


def test_there_are_hundreds_of_odd_forms() -> None:
    assert len(ODD_V4) + len(ODD_URLS) + len(INSIDE_V4) + len(INSIDE_V6) > 500


@pytest.mark.parametrize("host", ODD_V4)
def test_an_ipv4_address_in_an_odd_form_is_refused_even_where_private_ones_are_allowed(host: str) -> None:
    for allow_private in (False, True):
        with pytest.raises(Invalid):
            read_url(f"https://{host}/hook", allow_private=allow_private)


@pytest.mark.parametrize("url", ODD_URLS)
def test_an_odd_url_is_refused(url: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_url(url, allow_private=False)

    assert refusal.value.param == "url"
    assert refusal.value.code in {"invalid_url", "forbidden_url"}


@given(st.text(max_size=60), st.booleans())
def test_any_text_is_read_or_refused(text: str, allow_private: bool) -> None:  # noqa: FBT001  # hypothesis draws it
    for url in (text, f"https://{text}", f"https://{text}/", f"https://example.com{text}"):
        try:
            target = read_url(url, allow_private=allow_private)
        except Invalid:
            continue
        assert target.path.startswith("/")
        assert "\r" not in target.path + target.origin.host
        assert "@" not in target.origin.host


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://example.com", Target(Origin("https", "example.com", 443), "/")),
        ("https://EXAMPLE.com/Hook?a=B", Target(Origin("https", "example.com", 443), "/Hook?a=B")),
        ("https://example.com:8443/", Target(Origin("https", "example.com", 8443), "/")),
        ("https://example.com?x=1", Target(Origin("https", "example.com", 443), "/?x=1")),
        ("https://xn--mnchen-3ya.de/a@b", Target(Origin("https", "xn--mnchen-3ya.de", 443), "/a@b")),
        ("https://1.2.3.example.com/", Target(Origin("https", "1.2.3.example.com", 443), "/")),
        ("https://8.8.8.8/", Target(Origin("https", "8.8.8.8", 443), "/")),
        ("https://[2606:4700::1111]/", Target(Origin("https", "2606:4700::1111", 443), "/")),
    ],
)
def test_a_public_https_url_is_taken(url: str, target: Target) -> None:
    assert read_url(url, allow_private=False) == target


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:9000/x", "http://localhost:8000/", "https://10.0.0.1/", "http://[::1]:8000/", "http://db:80/",
        "http://169.254.1.1/", "http://app.internal:3000/hook",
    ],
)  # fmt: skip
def test_private_places_are_taken_where_the_operator_allows_them(url: str) -> None:
    assert read_url(url, allow_private=True).origin.host in url


@pytest.mark.parametrize(
    ("origin", "header"),
    [
        (Origin("https", "example.com", 443), "example.com"),
        (Origin("https", "example.com", 8443), "example.com:8443"),
        (Origin("http", "example.com", 443), "example.com:443"),
        (Origin("https", "2606:4700::1111", 8443), "[2606:4700::1111]:8443"),
    ],
)
def test_the_host_header_names_the_port_only_where_it_is_not_the_usual_one(origin: Origin, header: str) -> None:
    assert origin.host_header == header


@pytest.mark.parametrize("text", [*INSIDE_V4, *INSIDE_V6])
async def test_a_name_that_leads_inside_is_refused_when_sending(text: str) -> None:
    async def lookup(_: str, __: int) -> Sequence[str]:
        return ["93.184.216.34", text]

    with pytest.raises(ForbiddenAddress):
        await addresses_of(Origin("https", "example.com", 443), allow_private=False, lookup=lookup)


@pytest.mark.parametrize("text", [*INSIDE_V4, *INSIDE_V6])
async def test_an_address_inside_is_refused_when_sending_whatever_was_checked_before(text: str) -> None:
    with pytest.raises(ForbiddenAddress):
        await addresses_of(Origin("https", text, 443), allow_private=False, lookup=SystemLookup())


async def test_a_name_without_addresses_is_unknown() -> None:
    async def lookup(_: str, __: int) -> Sequence[str]:
        return []

    with pytest.raises(OSError, match="no address"):
        await addresses_of(Origin("https", "example.com", 443), allow_private=False, lookup=lookup)


async def test_all_public_addresses_of_a_name_are_given() -> None:
    async def lookup(_: str, __: int) -> Sequence[str]:
        return ["2606:4700::1111", "93.184.216.34"]

    found = await addresses_of(Origin("https", "example.com", 443), allow_private=False, lookup=lookup)

    assert found == ("2606:4700::1111", "93.184.216.34")


@pytest.mark.parametrize("text", ["0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1", "::ffff:0.0.0.0"])  # noqa: S104  # as a destination
async def test_nowhere_and_everywhere_are_refused_even_where_private_addresses_are_allowed(text: str) -> None:
    with pytest.raises(ForbiddenAddress):
        await addresses_of(Origin("http", text, 80), allow_private=True, lookup=SystemLookup())


@given(st.integers(0, (1 << 32) - 1))
def test_an_ipv4_address_we_call_public_is_global_for_python_too(number: int) -> None:
    address = IPv4Address(number)
    if is_public(address):
        assert address.is_global
        assert not address.is_multicast
        assert is_somewhere(address)


@given(st.integers(0, (1 << 128) - 1))
def test_an_ipv6_address_we_call_public_is_global_unicast(number: int) -> None:
    address = ip_address(number.to_bytes(16))
    if is_public(address):
        assert address in ip_network("2000::/3")
        assert address.is_global


async def test_the_machines_resolver_is_asked_on_threads_of_its_own() -> None:
    lookup = SystemLookup()

    assert "127.0.0.1" in await lookup("localhost", 80)
    lookup.close()
