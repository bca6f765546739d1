#!/usr/bin/env node
import { run } from './run.js'
import { processTerminal } from './terminal.js'

process.exitCode = await run(process.argv.slice(2), processTerminal())

// What a module of pipelines has opened (a timer, a client) is nothing to wait for: the command is done.
setTimeout(() => process.exit(), 2_000).unref()
