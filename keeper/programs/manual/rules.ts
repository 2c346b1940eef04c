/** Somebody wrote down what each is to get: every amount is paid as it stands, to the last unit. */
export const MANUAL_RULES = { minimum: 1n, unit: 1n } as const
