import type { StepNode } from '../step/step-node.ts';
import { outlineOf, type Outline } from './step-outline.ts';

/** The tree of a step as a Mermaid flow chart: a box for each step, an arrow for what follows it. */
export function describeStepAsMermaid(step: StepNode): string {
  const lines = ['flowchart TD'];
  let count = 0;
  const draw = (outline: Outline): string => {
    count += 1;
    const name = `step${count}`;
    lines.push(`  ${name}["${textOf(outline)}"]`);
    for (const branch of outline.branches) {
      const child = draw(branch.outline);
      lines.push(`  ${name} -->|"${escaped(branch.edge)}"| ${child}`);
    }
    return name;
  };
  draw(outlineOf(step));
  return lines.join('\n');
}

function textOf({ call, description, place }: Outline): string {
  const parts = description === null ? [call, place] : [description, call, place];
  return parts.map(escaped).join('<br/>');
}

/** Text inside quotes of a chart. */
function escaped(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll('&', '#amp;')
    .replaceAll('"', '#quot;')
    .replaceAll('<', '#lt;')
    .replaceAll('>', '#gt;');
}
