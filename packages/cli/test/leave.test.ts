import { spawn } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ended } from './child.ts'

const leaving = suite('leave')

leaving('a slow reader gets all of it, and the exit code', async () => {
  const script = `import(${JSON.stringify(new URL('../src/leave.ts', import.meta.url).href)}).then(({ leave }) => {
    process.stdout.write('x'.repeat(1 << 20))
    leave(3)
  })`
  const child = spawn(process.execPath, ['--import', 'tsx', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  child.stdout.on('data', () => {
    child.stdout.pause()
    setTimeout(() => child.stdout.resume(), 1)
  })
  const { code, out } = await ended(child)
  assert.equal([out.length, code], [1 << 20, 3])
})

leaving.run()
