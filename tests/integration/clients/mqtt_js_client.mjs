// A client as its users write it, with npm's mqtt: see README.md for what it reads and prints.
import { createInterface } from 'node:readline';
import { readFileSync } from 'node:fs';
import mqtt from 'mqtt';

const [verb, port, version, clientId, topic, count, keep, ca] = process.argv.slice(2);
const isFive = version === '5';
const keeps = keep === 'keep';
const client = mqtt.connect({
  protocol: ca ? 'mqtts' : 'mqtt',
  host: '127.0.0.1',
  port: Number(port),
  protocolVersion: Number(version),
  clientId,
  clean: !keeps,
  reconnectPeriod: 0,
  connectTimeout: 10000,
  ca: ca ? readFileSync(ca) : undefined,
  // Aliases in both directions.
  autoAssignTopicAlias: isFive,
  properties: isFive
    ? { sessionExpiryInterval: keeps ? 3600 : 0, topicAliasMaximum: 10 }
    : undefined,
  will: verb === 'die' ? { topic, payload: Buffer.from('will'), qos: 1, retain: false } : undefined,
});

let left = Number(count); // 0: subscribe only
let finished;
const done = new Promise((resolve) => { finished = resolve; });
client.on('message', (_, payload, packet) => {
  const p = packet.properties ?? {};
  const user = Object.entries(p.userProperties ?? {}).map(([n, v]) => `${n}:${v}`).join(' ');
  console.log([packet.qos, packet.retain ? 1 : 0, payload, p.contentType ?? '',
    p.responseTopic ?? '', p.correlationData ?? '', user].join('\t'));
  left -= 1;
  if (left === 0) setTimeout(finished, 200); // its acknowledgement goes out first
});
await new Promise((resolve, reject) => {
  client.once('connect', resolve);
  client.once('error', reject);
  client.once('close', () => reject(new Error('closed before CONNACK')));
});

if (verb === 'die') {
  console.log('ready');
  for await (const _ of createInterface({ input: process.stdin })) process.exit(0);
} else if (verb === 'publish') {
  for await (const line of createInterface({ input: process.stdin })) {
    const properties = isFive && line[4] === '1'
      ? {
        contentType: 'text/plain',
        responseTopic: 're/ply',
        correlationData: Buffer.from('corr'),
        userProperties: { name: 'value' },
      }
      : undefined;
    await client.publishAsync(topic, line.slice(6),
      { qos: Number(line[0]), retain: line[2] === '1', properties });
  }
} else {
  const granted = await client.subscribeAsync(topic, { qos: 2 });
  if (granted[0].qos !== 2) throw new Error(`granted ${JSON.stringify(granted)}`);
  console.log('ready');
  if (left > 0) await done;
}
await client.endAsync();
