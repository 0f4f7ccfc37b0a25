#!/usr/bin/env node
import * as nodeModule from 'node:module'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'

// What is kept is bounded (some 15 MB), but V8 lets its heap grow as long as there is memory. Collecting earlier costs
// no measurable time here and keeps the peak the same for a small trace and a huge one (docs/benchmarks.md).
setFlagsFromString('--optimize-for-size')
// Before anything of ours is loaded: keeps compiled code between runs. Node 20 does not have it.
nodeModule.enableCompileCache?.()

const { main } = await import('../dist/main.js')
await main(fileURLToPath(new URL('..', import.meta.url)))
