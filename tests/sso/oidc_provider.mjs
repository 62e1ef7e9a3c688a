// An OpenID provider made of the `oidc-provider` package of npm. Arguments: its folder, and where we may be sent back to.
// Whoever types a name is who they say, at example.com; `unverified` has an address that nobody has looked at.
import { pathToFileURL } from 'node:url';
import { createServer } from 'node:http';
import { once } from 'node:events';
const [folder, ...redirects] = process.argv.slice(2);
const { default: Provider } = await import(pathToFileURL(`${folder}/lib/index.js`));
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
const server = createServer().listen(0, '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  clients: [{ client_id: 'console', client_secret: 's3cret-of-the-console-0123456789', redirect_uris: redirects }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: id, name: `Somebody called ${id}`, email_verified: id !== 'unverified',
      email: id.includes('@') ? id : `${id}@example.com`,
    }),
  }),
  cookies: { keys: ['a key of this test alone'] },
});
server.on('request', provider.callback());
say({ issuer });
