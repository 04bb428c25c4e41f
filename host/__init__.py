"""What knows ComfyUI and is no node: its objects around the library's, folders, captures, trainings, scores.

Nothing is imported here: whoever needs a part imports that part, so that starting ComfyUI loads what nodes show.
"""
