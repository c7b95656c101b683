// Hears the server's events, for ever: the browser reconnects by itself and says what it heard last; where it gives up,
// this starts anew. Tells when the line has been lost for longer than a blink. Knows nothing of what is said.

const PATIENCE_MS = 2000;
const RETRY_MS = 2000;
const KINDS = ["reset", "card", "removed", "status"];

/** `heard` has a function for each kind, `line(isUp)`, and `refused()`: the server answered, or nobody did, and not with events. */
export function listen(heard) {
  let source = null;
  let lost = 0;
  let retry = 0;

  function up() {
    clearTimeout(lost);
    lost = 0;
    heard.line(true);
  }

  function down() {
    if (!lost) lost = setTimeout(() => heard.line(false), PATIENCE_MS);
    if (source.readyState !== EventSource.CLOSED) return; // it tries again by itself
    heard.refused();
    clearTimeout(retry);
    retry = setTimeout(connect, RETRY_MS);
  }

  function connect() {
    clearTimeout(retry);
    source?.close();
    source = new EventSource("/api/events");
    source.addEventListener("open", up);
    source.addEventListener("error", down);
    for (const kind of KINDS) source.addEventListener(kind, (event) => heard[kind](JSON.parse(event.data)));
  }

  addEventListener("online", () => source.readyState !== EventSource.OPEN && connect());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && source.readyState === EventSource.CLOSED) connect();
  });
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => event.persisted && connect());
  connect();
}
