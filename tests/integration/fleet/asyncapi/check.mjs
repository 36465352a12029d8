// node check.mjs DOCUMENT: says what @asyncapi/parser finds wrong with it, and what it has.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { Parser } = createRequire(process.cwd() + '/')('@asyncapi/parser');
const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], 'utf8'));
const wrong = diagnostics.filter((each) => each.severity === 0);
for (const each of wrong) console.error(`${each.path.join('.')}: ${each.message}`);
if (!document || wrong.length > 0) process.exit(1);
console.log(JSON.stringify(document.channels().all().map((each) => each.address()).sort()));
