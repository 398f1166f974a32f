/** Reads the code, the commands and the links out of documentation, so that tests can try them. */
export { anchorsOf, linksOf, type Link } from './links-of.ts';
export { shellCommandsOf, type ShellCommand } from './shell-commands-of.ts';
export { snippetsOf, type Snippet } from './snippets-of.ts';
