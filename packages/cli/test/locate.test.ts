/** What locate says in words of an answer. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { locateSchema } from '@flushtrace/answers'
import { renderLocate } from '../src/render/locate.ts'
import { flushtrace } from './run.ts'

const locate = suite('locate in words')

locate('who only asked for a flush did not make the file dirty', async () => {
  const { out } = await flushtrace('locate', 'fixtures/strace/attach-samba', 'fixtures/locate/samba', '--json')
  const answer = locateSchema.parse(JSON.parse(out))
  const row = answer.rows.find(({ what, flushes }) => what === 'file' && flushes > 0)
  assert.ok(row)
  const others = renderLocate(answer, [], 120)
  row.processes.push({ pid: 42, name: 'fallocate', bytes: 0, via: 'flush' })
  const text = renderLocate(answer, [], 120)
  assert.match(text, 'fallocate [42], flush requests only')
  assert.not.match(others, 'flush requests only')
})

locate('a row of data that begins in another row is no flush request', async () => {
  const { out } = await flushtrace('locate', 'fixtures/blktrace/partition', '--json')
  const answer = locateSchema.parse(JSON.parse(out))
  const row = answer.rows.find(({ what }) => what === 'unknown')
  assert.ok(row)
  answer.rows = [Object.assign(row, { writes: 0, bytes: 4096 })]
  assert.not.match(renderLocate(answer, [], 80), 'flush requests without data')
  row.bytes = 0
  assert.match(renderLocate(answer, [], 80), 'flush requests without data')
})

locate.run()
