import { attribute } from '@flushtrace/answers'
const out = await attribute(process.argv.slice(2), {})
for (const b of out.analysis.blocks) console.log(b.kind, b.clock)
for (const [i, c] of out.analysis.clocks) console.log(out.analysis.capture.sources[i].source.path.slice(-30), c)
