#!/usr/bin/env node
import * as nodeModule from 'node:module'
import { fileURLToPath } from 'node:url'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'

// What is kept is bounded (some 15 MB), but V8 lets its heap grow as long as there is memory. Collecting earlier costs
// no measurable time here and keeps the peak the same for a small trace and a huge one (docs/benchmarks.md).
setFlagsFromString('--optimize-for-size')
// Where an answer keeps much, every collection goes over all of it: then one comes when half as much again is there, not a
// tenth, and 400,000 processes take 8 s of processor time instead of 20.
const growing = setInterval(() => {
  if (getHeapStatistics().used_heap_size < 64 * 1024 * 1024) return
  setFlagsFromString('--no-optimize-for-size')
  setFlagsFromString('--heap-growing-percent=50')
  clearInterval(growing)
}, 100).unref()
// Before anything of ours is loaded: keeps compiled code between runs. Node 20 does not have it.
nodeModule.enableCompileCache?.()

const { main } = await import('../dist/main.js')
await main(fileURLToPath(new URL('..', import.meta.url)))
