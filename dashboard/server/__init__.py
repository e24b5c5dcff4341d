"""The app: layout, callbacks, exports, security, and what serves it."""
