// A publisher as its users write it, with npm's mqtt: exercise.mjs PORT VERSION CLIENT-ID
// Reads {"topic", "payload", "qos"} lines, publishes each and awaits its acknowledgement; connects
// to the same persistent session twice. Prints one JSON object.
import { createInterface } from 'node:readline';
import mqtt from 'mqtt';

const [port, version, clientId] = process.argv.slice(2);
const messages = [];
for await (const line of createInterface({ input: process.stdin })) messages.push(JSON.parse(line));

async function connected(clean) {
  const client = mqtt.connect({
    host: '127.0.0.1',
    port: Number(port),
    protocolVersion: Number(version),
    clientId,
    clean,
    reconnectPeriod: 0,
    connectTimeout: 8000,
    properties: version === '5' ? { sessionExpiryInterval: 3600 } : undefined,
  });
  const connack = await new Promise((resolve, reject) => {
    client.once('connect', resolve);
    client.once('error', reject);
    client.once('close', () => reject(new Error('closed before CONNACK')));
  });
  return { client, sessionPresent: connack.sessionPresent };
}

const sessionsPresent = [];
for (const part of [messages.slice(0, messages.length / 2), messages.slice(messages.length / 2)]) {
  const { client, sessionPresent } = await connected(false);
  sessionsPresent.push(sessionPresent);
  for (const { topic, payload, qos } of part) await client.publishAsync(topic, payload, { qos });
  await client.endAsync();
}
console.log(JSON.stringify({ sessionsPresent, published: messages.length }));
