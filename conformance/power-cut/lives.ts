import type { Dice } from "@vtpm/tpm2/testing";
import { type Answering, Ledger } from "../crash/ledger.ts";
import { CachedDisk } from "./cached-disk.ts";
import { type Medium, makeDisk } from "./media.ts";
import { PoweredMachine } from "./powered-machine.ts";

/** When the power fails: at a change of a disk during the start, or some time after it; "at the end" nothing is under way. */
export type Moment = "during the start" | "in use" | "at the end";

/** The least number of answers, of all TPMs together, before a cut in use; the most beyond that. */
const ANSWERS = { least: 20, more: 200 };
/** Changes of disks: those that a start has are about as many. */
const CHANGES = { inUse: 12, duringStart: 500 };

/** A TPM on a disk, through the power cuts of the machine it is in. */
export class Story {
  readonly name: string;
  readonly medium: Medium;
  readonly path: string;
  readonly ledger = new Ledger();
  /** Whether the disk says from now on that it has flushed, and does not. */
  diskLies = false;
  /** What was found to be wrong after a power cut. */
  failure: Error | undefined;
  answers = 0;
  cuts = 0;
  /** Sectors written that were not flushed when the power was cut. */
  unflushed = 0;

  constructor(name: string, medium: Medium, path: string) {
    this.name = name;
    this.medium = medium;
    this.path = path;
  }

  makeDisk(): void {
    makeDisk(this.medium, this.path);
  }
}

/** Switches the machine on, uses the TPMs as far as they are what their clients were told, and cuts its power. */
export async function live(stories: readonly Story[], dice: Dice, moment: Moment): Promise<void> {
  const disks = stories.map(({ path, diskLies }) => {
    const disk = new CachedDisk(path);
    disk.lies = diskLies;
    return disk;
  });
  let powerFails: () => void = () => {};
  const power = new Promise<void>((resolve) => {
    powerFails = resolve;
  });
  const isOff = (): boolean => disks.some((disk) => disk.isOff);
  const cut = (): void => {
    for (const [i, story] of stories.entries()) {
      story.cuts++;
      story.unflushed += disks[i]?.pending ?? 0;
      disks[i]?.cutPower(dice);
    }
    powerFails();
  };
  let changesLeft = moment === "during the start" ? dice.roll(CHANGES.duringStart) : Number.POSITIVE_INFINITY;
  for (const disk of disks) disk.onChange = () => --changesLeft < 0 && cut();

  const drives = stories.map(({ medium: { mount } }, i) => ({ disk: disks[i] as CachedDisk, mount }));
  const machine = await PoweredMachine.start(drives);
  let answersLeft = ANSWERS.least + dice.roll(ANSWERS.more);
  const begin = async (story: Story, number: number): Promise<Answering | undefined> => {
    try {
      const tpm = await machine.tpm(number);
      await story.ledger.begin(tpm);
      return tpm;
    } catch (error) {
      if (!isOff()) story.failure ??= error as Error;
      return undefined;
    }
  };
  const use = async (story: Story, tpm: Answering): Promise<void> => {
    const counted: Answering = {
      async execute(command) {
        const response = await tpm.execute(command);
        story.answers++;
        if (--answersLeft === 0) changesLeft = dice.roll(CHANGES.inUse);
        return response;
      },
    };
    try {
      await story.ledger.use(counted);
    } catch (error) {
      story.failure ??= error as Error;
    }
  };
  const lived = Promise.all(stories.map(begin)).then(async (tpms) => {
    if (moment === "at the end" && !isOff()) cut();
    await Promise.all(stories.map((story, i) => tpms[i] && use(story, tpms[i])));
    // Nobody is left who would wait for it.
    if (!isOff() && machine.isOn) cut();
  });
  await Promise.race([power, machine.ended]);
  await machine.kill();
  await lived;
  if (!isOff()) throw new Error(`the machine ended by itself:\n${machine.console}`);
}
