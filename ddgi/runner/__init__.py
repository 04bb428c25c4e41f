"""The only part of the library that knows ComfyUI: it imports the host or starts it as a program."""
