/** Every command's text, JSON and CSV on recorded captures, against files. UPDATE=1 rewrites them: review the diff. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { explainSchema, inspectSchema, locateSchema, locateSectorSchema, rankSchema } from '@flushtrace/answers'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { widthOf } from '../src/render/text.ts'
import { flushtrace, shellWords } from './run.ts'

const FOLDER = 'packages/cli/test/golden'

/** File name → what follows `flushtrace`. */
const LINES: Readonly<Record<string, string>> = {
  'rank-samba.txt': 'rank fixtures/strace/attach-samba',
  'rank-samba.json': 'rank fixtures/strace/attach-samba --json',
  'rank-samba-file.txt': 'rank fixtures/strace/attach-samba --by file',
  'rank-samba-file.csv': 'rank fixtures/strace/attach-samba --by file --csv',
  'rank-samba-alone.txt': 'rank fixtures/strace/attach-samba/strace.txt.gz',
  'rank-tricks-thread.txt': 'rank fixtures/strace/fd-ext4 --by thread --top 0',
  'rank-tricks-file.json': 'rank fixtures/strace/fd-ext4-noy --by file --top 0 --json',
  'rank-tricks-call.txt': 'rank fixtures/strace/fd-ext4 --by call',
  'rank-tricks-requests.txt': 'rank fixtures/strace/fd-ext4 fixtures/clocks --top 4',
  'rank-no-times.txt': 'rank fixtures/strace/fd-ext4-stderr-noy',
  'rank-one-process.txt': 'rank fixtures/strace/sqlite-ext4 --process 11920',
  'rank-one-file.txt': "rank fixtures/strace/sqlite-ext4 --file '*.db-wal' --sort flush-time --top 3",
  'rank-first-second.txt': 'rank fixtures/strace/sqlite-ext4 --until 1 --top 3',
  'rank-set.txt': 'rank fixtures/strace/fd-ext4-ff-noy',
  'inspect-samba.txt': 'inspect fixtures/strace/attach-samba',
  'inspect-samba.json': 'inspect fixtures/strace/attach-samba --json',
  'inspect-maps.txt': 'inspect fixtures/layout/partition-ext4 fixtures/blktrace/partition',
  'inspect-maps.json': 'inspect fixtures/layout/partition-ext4 fixtures/blktrace/partition --json',
  'inspect-images.txt': 'inspect fixtures/layout/images fixtures/blktrace/partition',
  'inspect-images.json': 'inspect fixtures/layout/images fixtures/blktrace/partition --json',
  'inspect-set.txt': 'inspect fixtures/strace/fd-ext4-ff-noy',
  'inspect-set.csv': 'inspect fixtures/strace/fd-ext4-ff-noy --csv',
  'locate-samba.txt': 'locate fixtures/strace/attach-samba fixtures/locate/samba',
  'locate-samba.json': 'locate fixtures/strace/attach-samba fixtures/locate/samba --json',
  'locate-samba-sector.txt': 'locate fixtures/strace/attach-samba fixtures/locate/samba --sector 7:0:31312',
  'locate-samba-sector.json': 'locate fixtures/strace/attach-samba fixtures/locate/samba --sector 7:0:31312 --json',
  'locate-calls-only.txt':
    'locate fixtures/strace/attach-samba fixtures/locate/samba/loop0.blktrace.0 fixtures/locate/samba/loop0.blktrace.1',
  'locate-partition.txt': 'locate fixtures/blktrace/partition fixtures/layout/partition-ext4 --top 6',
  'locate-discards.txt': 'locate fixtures/blktrace/discard/tracefs.txt',
  'locate-events.ndjson': 'locate fixtures/strace/attach-samba fixtures/locate/samba --events --file names.tdb',
  'recipe-ext4.sh': 'recipe --fs ext4 --device /dev/sda1 --seconds 600 --process postgres',
  'explain-samba.txt': 'explain fixtures/strace/attach-samba fixtures/locate/samba --process 7813 --top 8',
  'explain-samba-flush.json': 'explain fixtures/strace/attach-samba fixtures/locate/samba --flush 25 --json',
  'explain-ext4.txt': 'explain fixtures/strace/fd-ext4 fixtures/clocks --file splice',
  'explain-sync.txt': 'explain fixtures/strace/fd-ext4 fixtures/clocks --flush 41',
  'explain-calls-alone.txt': 'explain fixtures/strace/fd-ext4 --process 6921 --top 3',
  'explain-no-times.txt': 'explain fixtures/strace/fd-ext4-stderr-noy --flush 3',
  'explain-requests-alone.txt': "explain fixtures/clocks --process 'jbd2/*' --top 4",
  'events-tricks.ndjson': 'events fixtures/strace/fd-ext4-noy',
}

const SCHEMAS: Readonly<Record<string, { parse(value: unknown): unknown }>> = {
  explain: explainSchema,
  locate: locateSchema,
  inspect: inspectSchema,
  rank: rankSchema,
}

const golden = suite('commands')

for (const [name, line] of Object.entries(LINES)) {
  golden(`flushtrace ${line}`, async () => {
    const { code, out, err } = await flushtrace(...shellWords(line))
    assert.is(code, 0)
    assert.is(err, '')
    if (name.endsWith('.json')) {
      const schema = name.includes('sector') ? locateSectorSchema : SCHEMAS[name.split('-')[0]]
      schema.parse(JSON.parse(out))
    }
    if (name.endsWith('.txt')) {
      const wide = out.split('\n').filter((text) => widthOf(text) > 80 && !text.includes(' [') && !/\S{60}/.test(text))
      assert.equal(wide, [], 'tables fit 80 columns')
    }
    const path = join(FOLDER, name)
    if (process.env.UPDATE === '1' || !existsSync(path)) {
      assert.ok(process.env.UPDATE === '1', `${path} is missing: run with UPDATE=1`)
      mkdirSync(FOLDER, { recursive: true })
      writeFileSync(path, out)
    }
    assert.fixture(out, readFileSync(path, 'utf8'))
  })
}

golden.run()
