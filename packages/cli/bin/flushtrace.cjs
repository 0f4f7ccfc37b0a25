#!/usr/bin/env node
// CommonJS, as all that the build makes (docs/decisions/0008): Node's loader of ES modules alone takes 5 ms of a start.
const { join } = require('node:path')
const { start } = require('../dist/start.js')

void start(join(__dirname, '..'))
