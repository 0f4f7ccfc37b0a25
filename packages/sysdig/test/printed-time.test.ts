/** What the times of printed events mean, in all their forms. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Diagnostics } from '@flushtrace/trace'
import { memorySource } from '@flushtrace/trace/memory-source'
import { readSysdigJson, readSysdigText } from '../src/index.ts'
import { collect } from './collect.ts'

const times = suite('printed times')

async function rows(lines: readonly string[], format?: string): Promise<string[]> {
  const options = format === undefined ? {} : { format }
  const read = await collect(Buffer.from(lines.join('\n')), (source, diagnostics) =>
    readSysdigText(source, diagnostics, options),
  )
  return read.rows.filter((row) => !row.includes('+name'))
}

/** Lines of one task in turn: enter and exit of an fsync, at the times given. */
function fsyncs(printed: readonly string[]): string[] {
  return printed.map((time, i) => `${i + 1} ${time} 0 db (7) ${i % 2 === 0 ? '>' : '<'} fsync `)
}

times('-t D: a step back is printed without its sign', async () => {
  const printed = ['0.000000000', '0.000010000', '18446744073.709551550', '0.000000100']
  assert.equal(await rows(fsyncs(printed)), ['7 fsync at=0 took=10000', '7 fsync at=9934 took=100'])
})

times('-t r: a few steps back do not make gaps of them', async () => {
  const printed = [100, 120, 140, 160, 150, 180, 200, 220, 240, 260, 280, 300].map((us) => `0.000${us}000`)
  const found = await rows(fsyncs(printed))
  assert.equal(found.slice(0, 3), [
    '7 fsync at=100000 took=20000',
    '7 fsync at=140000 took=20000',
    '7 fsync at=150000 took=30000',
  ])
})

times('-t d: a context switch has the latency of the last call', async () => {
  const found = await rows([
    ...fsyncs(['0.000000000', '0.000306738']),
    '3 0.000306738 0 db (7) > switch next=9 pgft_maj=0 pgft_min=4 vm_size=4 vm_rss=3 vm_swap=0 ',
    ...fsyncs(['0.000000000', '0.000000500']),
  ])
  assert.equal(found, ['7 fsync took=306738', '7 fsync took=500'])
})

for (const field of ['evt.outputtime', 'evt.rawtime', 'evt.time', 'evt.datetime', 'evt.time.iso8601']) {
  times(`JSON: ${field} is ns since 1970, each of them kept`, async () => {
    const line = (direction: string, ns: string): string =>
      `{"evt.dir":"${direction}","${field}":${ns},"evt.type":"fsync","thread.tid":7}`
    const bytes = Buffer.from([line('>', '1795175684222415623'), line('<', '1795175684222415630')].join('\n'))
    assert.equal((await collect(bytes, readSysdigJson)).rows, ['7 fsync at=0 took=7'])
    for await (const { clock, origin } of readSysdigJson(memorySource(bytes), new Diagnostics()).batches) {
      assert.is(clock, 'wall')
      assert.equal(origin, { seconds: 1_795_175_684, nanos: 222_415_623 })
    }
  })
}

times('ISO 8601 has its zone', async () => {
  const lines = ['2026-11-20T23:59:59.999999990+0000 7 > fsync ', '2026-11-21T01:30:00.000000010+01:30 7 < fsync ']
  const format = '*%evt.time.iso8601 %thread.tid %evt.dir %evt.type %evt.info'
  assert.equal(await rows(lines, format), ['7 fsync at=0 took=20'])
})

times('fields with commas between them, and commas in what was written', async () => {
  const lines = [
    '11:54:44.280247825,7,>,pwrite,/srv/x,<NA>,fd=4 size=4 pos=0 ',
    '11:54:44.280267825,7,<,pwrite,/srv/x,SUCCESS,res=4 data=.,,. ',
  ]
  const format = '*%evt.outputtime,%thread.tid,%evt.dir,%evt.type,%fd.name,%evt.res,%evt.args'
  assert.equal(await rows(lines, format), ['7 pwrite fd=4 size=4 offset=0 = 4 at=0 took=20000'])
})

times.run()
