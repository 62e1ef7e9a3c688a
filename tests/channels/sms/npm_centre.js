// A message centre made of the `smpp` package of npm. Arguments: its folder, then key and certificate for TLS.
// It says on its output, a line of JSON each, where it listens, what is submitted and what is acknowledged.
const [folder, key, cert] = process.argv.slice(2);
const fs = require('fs');
const smpp = require(folder);
const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
let next = 0xa0;

function receive(session, submit) {
  if (submit.destination_addr === '447700900999') {
    return session.send(submit.response({ command_status: smpp.ESME_RINVDSTADR }));
  }
  const id = next++;
  const text = submit.short_message.message;
  say({ text, udh: submit.short_message.udh, coding: submit.data_coding, esm: submit.esm_class, id,
    reference: submit.user_message_reference });
  // The answer in hexadecimal, the receipt in decimal with leading zeros, as real centres do.
  session.send(submit.response({ message_id: id.toString(16).toUpperCase() }));
  session.deliver_sm({
    source_addr: submit.destination_addr, source_addr_ton: 1, source_addr_npi: 1,
    destination_addr: submit.source_addr, esm_class: smpp.ESM_CLASS.MC_DELIVERY_RECEIPT,
    short_message: `id:${String(id).padStart(10, '0')} sub:001 dlvrd:001 submit date:2611231830 ` +
      'done date:2611231830 stat:DELIVRD err:000 text:secret',
  }, (answer) => say({ acknowledged: answer.command_status }));
  session.deliver_sm({
    source_addr: submit.destination_addr, source_addr_ton: 1, destination_addr: '4477', short_message: 'Ответ: ' + text.slice(0, 40),
  }, () => {});
}

const serve = (session) => {
  const bind = (pdu) => {
    const ok = pdu.password === 'secret';
    session.send(pdu.response({ command_status: ok ? 0 : smpp.ESME_RINVPASWD, system_id: 'npm' }));
  };
  ['bind_transceiver', 'bind_transmitter', 'bind_receiver'].forEach((name) => session.on(name, bind));
  session.on('submit_sm', (submit) => receive(session, submit));
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => { say({ unbound: true }); session.send(pdu.response()); session.close(); });
  session.on('error', () => {});
};
const server = key
  ? smpp.createServer({ key: fs.readFileSync(key), cert: fs.readFileSync(cert) }, serve)
  : smpp.createServer(serve);
server.listen(0, '127.0.0.1', () => say({ port: server.address().port }));
