import { spawn } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

const leaving = suite('leave')

leaving('a slow reader gets all of it, and the exit code', async () => {
  const script = `import(${JSON.stringify(new URL('../src/leave.ts', import.meta.url).href)}).then(({ leave }) => {
    process.stdout.write('x'.repeat(1 << 20))
    leave(3)
  })`
  const child = spawn(process.execPath, ['--import', 'tsx', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const code = new Promise((resolve) => child.on('exit', resolve))
  let bytes = 0
  for await (const piece of child.stdout) {
    bytes += (piece as Buffer).length
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  assert.equal([bytes, await code], [1 << 20, 3])
})

leaving.run()
