import { spawn, type ChildProcess } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ended } from './child.ts'

const children = suite('processes of tests')

function hung(child: ChildProcess): Promise<Error & { details: string }> {
  return ended(child, 500).then(
    () => assert.unreachable() as never,
    (reason: unknown) => reason as Error & { details: string },
  )
}

children('one that hangs is killed, and what is known of it and of those it started is told', async () => {
  const child = spawn('sh', ['-c', 'echo so far; echo oh >&2; sleep 1000; true'])
  const error = await hung(child)
  const command = '`sh -c echo so far; echo oh >&2; sleep 1000; true`'
  assert.is(error.message, `${command} had not ended after 0.5 s: it had printed "so far\\n", and on stderr "oh\\n"`)
  if (process.platform !== 'linux') return
  assert.match(error.details, /^process \d+: sh -c echo so far.*\nsh: S \(sleeping\), in \w+, call /)
  assert.match(error.details, /^process (\d+): sleep 1000\nsleep: S \(sleeping\), /m)
  assert.match(error.details, /^\/proc\/\d+\/fd\/1 (?:socket|pipe):\[\d+\]$/m)
})

children('one whose output others hold open is not waited for', async () => {
  const child = spawn('sh', ['-c', 'sleep 5 & exit 3'])
  const error = await hung(child)
  assert.is(error.details, 'it is gone, but others hold its output open')
})

children.run()
