// What goes between a client and a node, and what a fault makes of it: no transport in here.

export interface RpcCall {
  id: unknown
  method: string
  params: unknown[]
}

export interface RpcAnswer {
  jsonrpc: string
  id: unknown
  result?: unknown
  error?: { code: number; message: string; data?: unknown }
}

export type Outcome =
  | { kind: 'answer'; answer: RpcAnswer }
  | { kind: 'text'; status: number; type: string; text: string }
  | { kind: 'cut-body'; text: string }
  | { kind: 'drop' }
  | { kind: 'hang' }

export function atBlock(call: RpcCall, block: number): RpcCall {
  return { ...call, params: [hex(block), ...call.params.slice(1)] }
}

export function isFinalTag(param: unknown): boolean {
  return param === 'finalized' || param === 'safe'
}

export function isHeadTag(param: unknown): boolean {
  return param === 'latest' || param === 'pending' || isFinalTag(param)
}

export function resultOf({ id }: RpcCall, result: unknown): Outcome {
  return { kind: 'answer', answer: { jsonrpc: '2.0', id, result } }
}

export function refusal(
  { id }: RpcCall,
  { message, code = -32_000, data }: { message: string; code?: number; data?: unknown },
): RpcAnswer {
  const error = { code, message, ...(data === undefined ? {} : { data }) }
  return { jsonrpc: '2.0', id, error }
}

export function changed(outcome: Outcome, change: (answer: RpcAnswer) => RpcAnswer): Outcome {
  return outcome.kind === 'answer' ? { ...outcome, answer: change(outcome.answer) } : outcome
}

export function cutShort(outcome: Outcome): string {
  return JSON.stringify(answerIn(outcome)).slice(0, -3)
}

export function answerIn(outcome: Outcome): RpcAnswer {
  if (outcome.kind === 'answer') return outcome.answer
  return { jsonrpc: '2.0', id: null, result: null }
}

export function normal({ id, method, params }: RpcCall): RpcCall {
  return { id, method, params: params ?? [] }
}

export function hex(value: number): string {
  return `0x${value.toString(16)}`
}
