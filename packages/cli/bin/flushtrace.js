#!/usr/bin/env node
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

// What the build makes is CommonJS: of ES modules Node 20 keeps no compiled code (docs/decisions/0008).
const { start } = createRequire(import.meta.url)('../dist/start.js')
await start(fileURLToPath(new URL('..', import.meta.url)))
