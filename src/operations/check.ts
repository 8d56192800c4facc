/** Check: what this kernel, and this user's rights, lack of what woodfrog needs. Leaves nothing behind. */
import { FEATURES } from '../host/features.js';
import type { Feature, Missing, Probing } from '../host/probing.js';
import { CRIU_FEATURES, type FeatureName, OWN_FEATURES } from '../linux/features.js';
import { fileKinds, taskStates } from '../objects/index.js';
import type { CheckOptions } from '../options/types.js';
import { asCheckpointError, usage, within } from '../support/errors.js';
import { endPuppet, type Puppet, startPuppet } from '../tracer/puppet.js';
import { LATER_FEATURES } from './later-features.js';
import { Session } from './session.js';
import type { Check, CheckResult, OperationEnv } from './types.js';

/** How long starting and ending the puppet may take. */
const PUPPET_SEC = 5;

const NAMES: readonly FeatureName[] = [...CRIU_FEATURES, ...OWN_FEATURES];

export const check: Check = (options, env) =>
  within({ doing: 'check' }, () => {
    if (options.list) return { kind: 'listed', names: NAMES };
    const names = chosenFeatures(options);
    return { kind: 'checked', results: probeAll(names, env) };
  });

/** Those that were asked for; else all that something needs. */
function chosenFeatures({ features, extra, experimental }: CheckOptions): FeatureName[] {
  if (features.length > 0) return features.map(featureOf);
  return NAMES.filter((name) => {
    const category = FEATURES[name]?.category;
    return category === 1 || (category === 2 && extra) || (category === 3 && experimental);
  });
}

function featureOf(name: string): FeatureName {
  const known = NAMES.find((one) => one === name);
  if (known) return known;
  throw usage(`'${name}' is no kernel feature`, { remedy: "'--feature list' names them all" });
}

function probeAll(names: readonly FeatureName[], env: OperationEnv): CheckResult[] {
  using session = new Session(env, 'check');
  const puppet = attemptPuppet(session);
  try {
    const { host } = session;
    const probing: Probing = { host, puppet: seenPuppet(puppet) };
    return names.map((name) => resultOf(name, probing));
  } finally {
    if ('pid' in puppet) {
      session.interrupts.armCleanup(PUPPET_SEC);
      endPuppet(session.host, { puppet, interrupts: session.interrupts });
    }
  }
}

/** A puppet, or why there is none: that is an answer here, and no error. */
function attemptPuppet({ host, stubs, interrupts }: Session): Puppet | { failure: string } {
  interrupts.arm(PUPPET_SEC);
  try {
    return startPuppet(host, { stubs, interrupts, sibling: false, suspendSeccomp: false });
  } catch (error) {
    return { failure: asCheckpointError(error).message };
  }
}

function seenPuppet(puppet: Puppet | { failure: string }): Probing['puppet'] {
  if ('failure' in puppet) return puppet;
  const address = puppet.mappings[0]?.start ?? 0;
  return { pid: puppet.pid, address };
}

function resultOf(name: FeatureName, probing: Probing): CheckResult {
  const feature = FEATURES[name];
  if (!feature) {
    const later = LATER_FEATURES[name] ?? 'a feature';
    const missing = `it belongs to ${later}, which woodfrog does not have yet`;
    return { name, category: 3, available: false, missing };
  }
  const found = attemptProbe(feature, probing);
  const { category } = feature;
  if (!found) return { name, category, available: true };
  const missing = `${found.missing} (needed for ${needs(name, feature).join(', ')})`;
  const { remedy } = found;
  return { name, category, available: false, missing, ...(remedy !== undefined && { remedy }) };
}

/** A probe that could not be carried out: what it asks for is not there for us. */
function attemptProbe(feature: Feature, probing: Probing): Missing | undefined {
  try {
    return feature.probe(probing);
  } catch (error) {
    const { message, remedy } = asCheckpointError(error);
    return { missing: message, ...(remedy !== undefined && { remedy }) };
  }
}

/** What the feature is for in general, and the objects of the registry that name it. */
function needs(name: FeatureName, { neededFor }: Feature): string[] {
  const objects = [...taskStates, ...fileKinds].filter(({ requires }) => requires?.includes(name));
  return [...new Set([neededFor, ...objects.map((object) => object.name)])];
}
