#!/usr/bin/env node
import { enableCompileCache } from 'node:module';

// Before anything of ours is loaded: the second start does not compile again.
enableCompileCache();
const { runCommand } = await import('./run-command.ts');
await runCommand(process.argv.slice(2));
