import { EXIT, rows } from './catalogue-row.ts'

/** Administration: tokens, the trail of what was done, sealed settings. */
export const office = rows({
  TOKEN_NAME_TAKEN: {
    sentence: 'There is a token {name} already.',
    wayOut: 'Choose another name, or revoke that one first: `muster tokens revoke {name}`.',
    exitCode: EXIT.data,
  },
  TOKEN_NOT_FOUND: {
    sentence: 'No token {name} is in force.',
    wayOut: '`muster tokens list` has those that are.',
    exitCode: EXIT.data,
  },
  TOKEN_REFUSED: {
    sentence: 'The token is missing, or it is not in force.',
    wayOut: 'Send `Authorization: Bearer TOKEN`; `muster tokens add` makes one.',
    exitCode: EXIT.denied,
  },
  ROLE_REFUSED: {
    sentence: 'A token of the role {role} may not do that: it takes {allowed}.',
    wayOut: 'Ask an admin; that it was tried is in the trail.',
    exitCode: EXIT.denied,
  },
  JOB_FAILED: {
    sentence: 'The job {lane} failed ({code}: {reason}).',
    wayOut: 'It is run again by itself; `muster jobs` has those that failed for good.',
    exitCode: EXIT.failed,
    retry: true,
  },
  JOB_UNKNOWN: {
    sentence: 'There is no lane {lane} to work on a job.',
    wayOut: '`muster jobs` lists the lanes: the name of the program, a slash, what it does.',
    exitCode: EXIT.data,
  },
  CONFIG_KEYS_MISSING: {
    sentence: 'There is no key to seal settings with.',
    wayOut:
      'Make one (`openssl rand -hex 32 > config.key`, for your eyes only) and name it: MUSTER_CONFIG_KEYS=k1=config.key.',
    exitCode: EXIT.config,
  },
  CONFIG_KEY_UNKNOWN: {
    sentence: 'A setting is sealed with the key {id}, which is not among ours.',
    wayOut: 'Name its file in MUSTER_CONFIG_KEYS, after the one that seals.',
    exitCode: EXIT.config,
  },
  SECRET_NOT_FOUND: {
    sentence: 'There is no sealed setting {name}.',
    wayOut: '`muster secrets list` has those that there are.',
    exitCode: EXIT.data,
  },
  SECRET_UNREADABLE: {
    sentence: 'The sealed setting {name} does not open with the key {id}.',
    wayOut:
      'The file of that key holds another one, or the row was changed or moved. Set it again: `muster secrets set {name}`.',
    exitCode: EXIT.failed,
  },
})
