const URL_IN_TEXT = /\b([a-z][a-z0-9+.-]*):\/\/([^\s"'<>\\]+)/gi
// Providers put the key into the path (/v3/<key>) or into the query; ordinary words are shorter.
const KEY_LIKE_SEGMENT = /^[A-Za-z0-9_-]{16,}$/

/** Keeps scheme, host and short path words; credentials, long path segments and queries go. */
export function scrubUrls(text: string): string {
  return text.replace(URL_IN_TEXT, (_match, scheme: string, rest: string) => {
    const end = rest.search(/[?#]/)
    const [authority = '', ...path] = (end === -1 ? rest : rest.slice(0, end)).split('/')
    const at = authority.lastIndexOf('@')
    const host = at === -1 ? authority : `***@${authority.slice(at + 1)}`
    const segments = path.map((part) => (KEY_LIKE_SEGMENT.test(part) ? '***' : part))
    return `${scheme}://${[host, ...segments].join('/')}${end === -1 ? '' : '?***'}`
  })
}
