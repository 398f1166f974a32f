/** A command of a shell block, with all its lines. */
export interface ShellCommand {
  /** As written, without comment lines above it; not parsed any further. */
  readonly text: string;
  /** Line within the block, from 1, on which it begins. */
  readonly line: number;
}

type Quote = '"' | "'" | null;

/**
 * Splits a shell block into its commands. A command goes on in the next line after a backslash and
 * inside quotes; comment lines and empty lines between commands are left out.
 */
export function shellCommandsOf(code: string): ShellCommand[] {
  const commands: ShellCommand[] = [];
  let open: { text: string; line: number; quote: Quote } | null = null;
  for (const [index, line] of code.split(/\r\n|\r|\n/).entries()) {
    if (open === null) {
      if (/^\s*(#|$)/.test(line)) continue;
      open = { text: line.trimStart(), line: index + 1, quote: null };
    } else {
      open.text += `\n${line}`;
    }
    const end = endOfLine(line, open.quote);
    open.quote = end.quote;
    if (end.quote !== null || end.goesOn) continue;
    commands.push({ text: open.text.trimEnd(), line: open.line });
    open = null;
  }
  // An open quote at the end of the block is for a shell to complain about.
  if (open !== null) commands.push({ text: open.text.trimEnd(), line: open.line });
  return commands;
}

/** Which quote is open when a line ends, and whether its end is escaped. */
function endOfLine(line: string, quoteBefore: Quote): { quote: Quote; goesOn: boolean } {
  let quote = quoteBefore;
  for (let at = 0; at < line.length; at += 1) {
    const character = line[at];
    if (quote === "'") {
      if (character === "'") quote = null;
    } else if (character === '\\') {
      if (at === line.length - 1) return { quote, goesOn: true };
      at += 1;
    } else if (character === '"') {
      quote = quote === '"' ? null : '"';
    } else if (quote === null && character === "'") {
      quote = "'";
    } else if (quote === null && character === '#' && /^$|\s/.test(line[at - 1] ?? '')) {
      break;
    }
  }
  return { quote, goesOn: false };
}
