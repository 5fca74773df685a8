"""What Streamlit has no parameter for: where the cursor goes, and which key presses count."""

import streamlit as st

# A held key, and one not let go since it last counted, would judge queries that nobody has read.
_KEYS = """<script>
if (!window.handoffCheckKeys) {
  window.handoffCheckKeys = true
  const held = new Set()
  window.addEventListener('keydown', event => {
    if (!document.querySelector('.st-key-check_keys')) return
    const target = event.target
    const again = event.repeat || held.has(event.code)
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (event.code) held.add(event.code)
    if (target.closest('.st-key-check_who')) {
      if (event.key === 'Enter') setTimeout(() => target.blur())
    } else if (again && (event.key.length === 1 || event.key === 'Escape')) {
      if (!target.matches('input, textarea, [contenteditable=true]')) {
        event.stopImmediatePropagation()
      }
    }
  }, true)
  window.addEventListener('keyup', event => held.delete(event.code), true)
  window.addEventListener('blur', () => held.clear())
}
</script>"""
_TO_NOTE = """<script>
document.querySelector('.st-key-note_form input')?.focus()
</script>"""


def listen() -> None:
    """Let Enter leave the name, and a key count once until it is let go."""
    with st.container(key="check_keys"):
        st.html(_KEYS, unsafe_allow_javascript=True)


def focus_note() -> None:
    """Put the cursor into the box for a note."""
    st.html(_TO_NOTE, unsafe_allow_javascript=True)
