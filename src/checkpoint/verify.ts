export const verifyCheckpoint = (_: unknown): void => {};
export const unsupportedEntries = (_: unknown): void => {};
