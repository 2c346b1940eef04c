/** Beside our own tables; pg-boss makes it and migrates it. */
export const JOBS_SCHEMA = 'muster_jobs'
/** Where a job comes to when it has failed for good: nobody works on it but a person. */
export const DEAD_LETTERS = 'dead-letters'
/** What pg-boss keeps for itself begins so. */
export const INTERNAL_PREFIX = '__pgboss'

/** The name of a queue: manual/settle. */
export function laneName(program: string, lane: string): string {
  return `${program}/${lane}`
}
