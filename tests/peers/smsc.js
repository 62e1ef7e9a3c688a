// A message centre made of the `smpp` package of npm: takes every submit_sm and reports it delivered a moment later.
// Argument: the package's folder. Its output, a JSON object a line: where it listens, then what it was asked to send.
const smpp = require(process.argv[2]);
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
let taken = 0;

const serve = (session) => {
  for (const bind of ['bind_transceiver', 'bind_transmitter', 'bind_receiver']) {
    session.on(bind, (pdu) => session.send(pdu.response({ system_id: 'strangers' })));
  }
  session.on('submit_sm', (submit) => {
    const id = String(++taken);
    say({ to: submit.destination_addr, text: submit.short_message.message });
    session.send(submit.response({ message_id: id }));
    setTimeout(() => session.deliver_sm({
      source_addr: submit.destination_addr,
      destination_addr: submit.source_addr,
      esm_class: smpp.ESM_CLASS.MC_DELIVERY_RECEIPT,
      short_message: `id:${id} sub:001 dlvrd:001 submit date:2611231830 done date:2611231830 stat:DELIVRD err:000 text:`,
    }, () => {}), 100);
  });
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => { session.send(pdu.response()); session.close(); });
  session.on('error', () => {});
};
const server = smpp.createServer(serve);
server.listen(0, '127.0.0.1', () => say({ port: server.address().port }));
