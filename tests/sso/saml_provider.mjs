// A SAML identity provider made of the `samlp` package of npm: a line of JSON in (options, user), a response out, base64.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
const samlp = createRequire(import.meta.url)(process.argv[2]);
for await (const line of createInterface({ input: process.stdin })) {
  const { options, user } = JSON.parse(line);
  samlp.getSamlResponse(options, user, (error, response) => {
    process.stdout.write(`${error ? `! ${error.message}` : Buffer.from(response).toString('base64')}\n`);
  });
}
