import type { StepNode } from '../step/step-node.ts';
import { outlineOf, type Outline } from './step-outline.ts';

/**
 * The tree of a step as text: what is called, what runs it, and what follows what. Headers, bodies and
 * queries are left out.
 */
export function describeStep(step: StepNode): string {
  const outline = outlineOf(step);
  return [headline(outline), ...branchLines(outline, '')].join('\n');
}

function headline({ call, place, description }: Outline): string {
  const note = description === null ? '' : `: ${description.replaceAll(/\s+/g, ' ')}`;
  return `${call} (${place})${note}`;
}

function branchLines({ branches }: Outline, indent: string): readonly string[] {
  return branches.flatMap(({ edge, outline }, index) => {
    const isLast = index === branches.length - 1;
    const line = `${indent}${isLast ? '└─' : '├─'} ${edge}: ${headline(outline)}`;
    return [line, ...branchLines(outline, `${indent}${isLast ? '   ' : '│  '}`)];
  });
}
