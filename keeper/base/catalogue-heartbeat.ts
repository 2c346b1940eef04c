import { EXIT, rows } from './catalogue-row.ts'

/** Heartbeats from real nodes: frames, logins, beats, receipts, the intake and the agent. */
export const heartbeat = rows({
  FRAME_INVALID: {
    sentence: 'The frame cannot be read: {reason}.',
    wayOut: 'Send one JSON object a frame, with exactly the fields that docs/heartbeat.md lists.',
    exitCode: EXIT.data,
  },
  FRAME_TOO_LARGE: {
    sentence: 'The frame has {size} characters, {limit} are allowed.',
    wayOut: 'No frame of the protocol comes near the limit: look at what was sent.',
    exitCode: EXIT.data,
  },
  FRAME_UNEXPECTED: {
    sentence: 'A {frame} frame came {when}.',
    wayOut: 'Send the login once, wait for the welcome, then pings.',
    exitCode: EXIT.data,
  },
  LOGIN_INVALID: {
    sentence:
      'The login is not signed by {node} for chain {chainId} and registry {registry} with the challenge of this connection.',
    wayOut: 'Sign with the key of the node, on the chain and for the registry named here.',
    exitCode: EXIT.denied,
  },
  LOGIN_AUDIENCE: {
    sentence: 'The login is meant for another intake; this one is {audiences}.',
    wayOut: 'Use the URL that the operator of this intake published.',
    exitCode: EXIT.denied,
  },
  LOGIN_TIMEOUT: {
    sentence: 'No login came within {seconds} s.',
    wayOut: 'Connect again and answer the challenge at once.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  CHALLENGE_USED: {
    sentence: 'The challenge of this connection was answered already.',
    wayOut: 'One login a connection: connect again for a new challenge.',
    exitCode: EXIT.denied,
    retry: true,
  },
  SESSION_IDLE: {
    sentence: 'Nothing came for {seconds} s.',
    wayOut: 'Connect again; ping as often as the hello says.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  NODE_UNKNOWN: {
    sentence: '{node} is not a node of registry {registry} on chain {chainId}.',
    wayOut: 'Ask the operator to register it (`muster validators add`).',
    exitCode: EXIT.denied,
  },
  NODE_REMOVED: {
    sentence: '{node} was removed from registry {registry} on chain {chainId}.',
    wayOut: 'Its beats count no more. Ask the operator whether that was meant.',
    exitCode: EXIT.denied,
  },
  ROSTER_UNREAD: {
    sentence: 'The intake cannot read the roster now.',
    wayOut: 'Connect again in a while; the intake needs its chain for unknown nodes.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  BEAT_INVALID: {
    sentence:
      'The beat is not signed by {node} for chain {chainId} and registry {registry} as it was sent.',
    wayOut: 'Sign exactly the fields that are sent, with the key of the node, for that registry.',
    exitCode: EXIT.denied,
  },
  BEAT_REPLAYED: {
    sentence: 'A beat of {node} from {at} or later was accepted before.',
    wayOut: 'Sign a new beat with the present time; each counts once.',
    exitCode: EXIT.data,
  },
  BEAT_FROM_FUTURE: {
    sentence: 'The beat says {at} ms, but it is {now} ms here; {skewMs} ms may lie between.',
    wayOut: 'Set the clock of the node (NTP), or beat by a session: it needs no clock.',
    exitCode: EXIT.data,
  },
  BEAT_TOO_OLD: {
    sentence: 'The beat says {at} ms, but it is {now} ms here; {skewMs} ms may lie between.',
    wayOut: 'Send a beat when it is signed; set the clock of the node (NTP).',
    exitCode: EXIT.data,
  },
  BEAT_TOO_SOON: {
    sentence: 'A beat of {node} was counted in this interval already: {why}.',
    wayOut: 'One beat counts in {intervalMs} ms; more are not needed.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  HOUR_CLOSED: {
    sentence: 'Hour {hour} is closed and counts no more beats.',
    wayOut: 'The next beat counts in the present hour; check the clock of the intake.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  RATE_LIMITED: {
    sentence: 'Too many {what} at once.',
    wayOut: 'Slow down; connect again in a while.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  ADDRESS_FULL: {
    sentence: 'This network address has {limit} sessions already.',
    wayOut: 'Close one, or ask the operator to raise MUSTER_INTAKE_PER_ADDRESS.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  INTAKE_FULL: {
    sentence: 'The intake takes no more {what} now.',
    wayOut: 'Connect again in a while; the operator may raise MUSTER_INTAKE_MAX_NODES.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  INTAKE_STANDBY: {
    sentence: 'This intake stands by: another one leads.',
    wayOut: 'Connect to the other URL, or again in a while.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  INTAKE_STOPPING: {
    sentence: 'The intake is being stopped.',
    wayOut: 'Connect again in a while; what was counted is kept.',
    exitCode: EXIT.temporary,
    retry: true,
  },
  INTAKE_PORT_TAKEN: {
    sentence: 'The intake cannot listen on {host}:{port}: {reason}.',
    wayOut: 'Choose another MUSTER_INTAKE_PORT or MUSTER_INTAKE_HOST, or stop who listens there.',
    exitCode: EXIT.config,
  },
  INTAKE_UNREACHABLE: {
    sentence: 'The intake at {origin} does not answer: {reason}.',
    wayOut: 'Check the URL and the network; the agent tries again by itself.',
    exitCode: EXIT.unavailable,
    retry: true,
  },
  INTAKE_OTHER_CHAIN: {
    sentence:
      'The intake at {origin} is for chain {chainId} and registry {registry}, not for {expected}.',
    wayOut: 'Nothing was signed. Check the URL, or the chain and registry the agent was given.',
    exitCode: EXIT.config,
  },
  RECEIPT_INVALID: {
    sentence: 'The receipt is not what it says: {reason}.',
    wayOut: 'Fetch it again from the intake; an altered receipt proves nothing.',
    exitCode: EXIT.failed,
  },
  INTAKE_NOT_MUSTER: {
    sentence: 'What answers at {origin} is no intake that this agent understands: {reason}.',
    wayOut: 'Check the URL; if it is right, one of the two is older: update it.',
    exitCode: EXIT.config,
  },
  INTAKE_REFUSED: {
    sentence: 'The intake at {origin} refuses with {refusal} ({said}).',
    wayOut: 'Its operator knows more; a newer agent may know the code.',
    exitCode: EXIT.failed,
  },
  SESSION_REPLACED: {
    sentence: 'Another agent with the key of {node} logged in at {origin}.',
    wayOut: 'Run one agent a key: stop the other, or give it a key of its own.',
    exitCode: EXIT.denied,
    retry: true,
  },
  HOUR_SIGNED_OTHERWISE: {
    sentence: 'Hour {hour} was signed with the root {signed}, but its rows come to {counted} now.',
    wayOut:
      'Nothing was signed again. Somebody changed the tally: restore it, `muster verify` names the hour.',
    exitCode: EXIT.failed,
  },
  HOUR_NOT_CLOSED: {
    sentence: 'Hour {hour} is not closed in this store, so nothing was signed for it.',
    wayOut: 'Wait for its close; `muster intake status` lists the hours.',
    exitCode: EXIT.data,
  },
})
