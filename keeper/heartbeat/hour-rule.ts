// The origin counts a node as up in an hour with at least 47 of the 80 beats that fit into it (one in
// 45 s, Z-41, Z-42). Kept as a ratio, so that data with another number of beats an hour is judged alike.
const LEAST_SEEN = 47
const OF_EXPECTED = 80

/** seen / expected >= 47 / 80, multiplied out. An hour in which no beat was due does not count. */
export function isOnline(seen: number, expected: number): boolean {
  return expected > 0 && seen * OF_EXPECTED >= expected * LEAST_SEEN
}
