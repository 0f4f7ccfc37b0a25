/** The program itself, from source: for tests that need a process of its own (signals, pipes, a terminal). */
import { fileURLToPath } from 'node:url'
import { main } from '../../src/main.ts'

await main(fileURLToPath(new URL('.', import.meta.url)))
