const URL_IN_TEXT = /\b([a-z][a-z0-9+.-]*):\/\/([^\s"'<>\\]+)/gi
// Providers put the key into the path (/v3/<key>) or into the query; ordinary words are shorter.
const KEY_LIKE_SEGMENT = /^[A-Za-z0-9_-]{16,}$/
// On the web a key may hold any sign, as a JWT does; elsewhere (file:) a long segment is a file's name.
const KEY_LIKE_ON_THE_WEB = /^.{16,}$/
// Some providers give each customer a host of its own: <key>.example.org.
const KEY_LIKE_LABEL = /^(?=.*\d)(?=.*[a-z])[a-z0-9]{20,}$/i
const SECRET_NAME = /key|token|secret|auth|pass|sig/i

/** Keeps scheme, host and short path words; credentials, long path segments and queries go. */
export function scrubUrls(text: string): string {
  return text.replace(URL_IN_TEXT, (_match, scheme: string, rest: string) => {
    const end = rest.search(/[?#]/)
    const [authority = '', ...path] = (end === -1 ? rest : rest.slice(0, end)).split('/')
    const at = authority.lastIndexOf('@')
    const host = hostOf(at === -1 ? authority : authority.slice(at + 1))
    const keyLike = isOfTheWeb(scheme) ? KEY_LIKE_ON_THE_WEB : KEY_LIKE_SEGMENT
    const segments = path.map((part) => (keyLike.test(part) ? '***' : part))
    const shown = [at === -1 ? host : `***@${host}`, ...segments].join('/')
    return `${scheme}://${shown}${end === -1 ? '' : '?***'}`
  })
}

function isOfTheWeb(scheme: string): boolean {
  return /^(http|ws)s?$/i.test(scheme)
}

function hostOf(authority: string): string {
  const labels = authority.split('.')
  return labels.map((label) => (KEY_LIKE_LABEL.test(label) ? '***' : label)).join('.')
}

/** What must not be told of a URL, each part by itself: a library may name it without the rest. */
export function secretsInUrl(url: string): string[] {
  const { password, pathname, searchParams, hostname } = new URL(url)
  const segments = pathname.split('/').filter((part) => KEY_LIKE_ON_THE_WEB.test(part))
  const values = [...searchParams]
    .filter(([name, value]) => SECRET_NAME.test(name) || KEY_LIKE_ON_THE_WEB.test(value))
    .map(([, value]) => value)
  const labels = hostname.split('.').filter((label) => KEY_LIKE_LABEL.test(label))
  const parts = [password, ...segments, ...values, ...labels]
  return [...new Set(parts.flatMap((part) => [part, decoded(part)]))].filter((part) => part !== '')
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    // A lone percent sign is a sign like any other.
    return part
  }
}
