#!/usr/bin/env node
import * as nodeModule from 'node:module'
import { fileURLToPath } from 'node:url'

// Before anything of ours is loaded: keeps compiled code between runs. Node 20 does not have it.
nodeModule.enableCompileCache?.()

const { main } = await import('../dist/main.js')
await main(fileURLToPath(new URL('..', import.meta.url)))
