/** Builds a lab for a person at a terminal: Ctrl-C halfway takes away what was begun, and says so. */
import { Lab, type LabOptions } from './lab.ts';
import { DEFAULT_NAME } from './plan.ts';
import { removeLab } from './removal.ts';

/** As Lab.up, telling what it does. A second Ctrl-C ends the process at once; `down` then takes away what has stayed. */
export async function buildLab(options: Omit<LabOptions, 'progress'>, say: (text: string) => void): Promise<Lab> {
  const name = options.name ?? DEFAULT_NAME;
  let removal: Promise<never> | undefined;
  const onInterrupt = (): void => {
    say(`interrupted: taking away what was begun; should anything stay: npm run lab -- down${name === DEFAULT_NAME ? '' : ` --name ${name}`}`);
    removal = removeLab(name).then(() => process.exit(130));
  };
  let hasBegun = false;
  const progress = (text: string): void => {
    // Not earlier: a lab of that name that runs is not ours to take away.
    if (!hasBegun) process.once('SIGINT', onInterrupt);
    hasBegun = true;
    say(`- ${text}`);
  };
  try {
    return await Lab.up({ ...options, progress });
  } finally {
    process.off('SIGINT', onInterrupt);
    await removal;
  }
}
