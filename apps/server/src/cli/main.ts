#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { becomeLean } from './become-lean.ts';

becomeLean();
// Before anything of ours is loaded: the second start does not compile again.
enableCompileCache();
const { runCommand } = await import('./run-command.ts');
await runCommand(process.argv.slice(2));
