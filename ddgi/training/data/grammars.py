"""The grammars that come with the pack: faces for any diffusion model, and the words of head world."""

from .grammar import Grammar

FACES = """\
# Faces for a general diffusion model. Copy this text, edit it, and give the file as the grammar.
start:
    [opening] a/an [age] [expression] woman with [hair_f][details](0.5:, [worn_f])(0.3:, [scene])
    [opening] a/an [age] [expression] man with [hair_m][details](0.4:, [beard])(0.4:, [worn_m])(0.3:, [scene])

opening:
    3: a photo of
    2: a portrait photo of
    2: a close-up photo of
    1: a headshot of

age:
    2: -
    2: young
    2: middle-aged
    1: old
    0.5: teenage
    0.5: elderly

expression:
    3: -
    3: smiling
    1: laughing
    1: serious
    1: surprised
    1: sad
    0.5: angry
    1: calm

hair_f:
    3: long [hair_kind] [hair_colour] hair
    2: short [hair_kind] [hair_colour] hair
    2: shoulder-length [hair_kind] [hair_colour] hair
    1: [hair_colour] hair in a bun
    1: a [hair_colour] ponytail
    1: [hair_colour] hair and bangs

hair_m:
    4: short [hair_kind] [hair_colour] hair
    1: long [hair_kind] [hair_colour] hair
    1: a shaved head
    1: a receding hairline
    1: [hair_colour] hair combed back

hair_kind:
    2: -
    2: straight
    2: wavy
    1: curly

hair_colour:
    3: brown
    3: black
    3: blond
    1: red
    1: grey
    0.5: white

details:
    (0.4:, [eyes])(0.35:, [skin])

eyes:
    3: brown eyes
    2: blue eyes
    2: green eyes
    1: grey eyes

skin:
    2: pale skin
    2: tanned skin
    2: dark skin
    1: freckles
    1: rosy cheeks

beard:
    3: a full beard
    2: stubble
    2: a moustache
    1: a goatee

worn_f:
    3: wearing glasses
    2: wearing earrings
    2: wearing a necklace
    1: wearing a hat
    1: wearing red lipstick
    1: wearing earrings and a necklace
    1: wearing sunglasses

worn_m:
    4: wearing glasses
    2: wearing a hat
    1: wearing sunglasses
    1: wearing a necktie

scene:
    2: soft light
    2: studio light
    1: outdoors
    1: at sunset
    1: in front of a plain wall
"""

# Every sentence uses head world's vocabulary only and can be parsed by `ddgi.headworld.parse_caption`; the weights
# follow the shares of head world's own attributes.
HEAD_WORLD = """\
start:
    [opening] a/an [expression] [person_f] with [looks][worn]
    [opening] a/an [expression] [person_m] with [looks](0.5:, a beard)[worn]
    0.1: [opening] a/an [expression] bald [person_f] with [eyes][worn]
    0.1: [opening] a/an [expression] bald [person_m] with [eyes](0.5:, a beard)[worn]
worn:
    (0.32:, [glasses])(0.38:, earrings)(0.32:, a necklace)
opening:
    2: -
    portrait of
    the face of
expression:
    2.8: [neutral]
    3.2: [smiling]
    2: [surprised]
    2: [sad]
neutral:
    neutral
    calm
smiling:
    smiling
    happy
surprised:
    surprised
    astonished
sad:
    sad
    unhappy
person_f:
    woman
    lady
person_m:
    man
    guy
looks:
    2.4: short [colour] hair, [eyes](0.28:, a hat)
    2.6: long [colour] hair, [eyes](0.28:, a hat)
    2.2: curly [colour] hair, [eyes](0.28:, a hat)
    1.3: [colour] hair in a bun, [eyes]
colour:
    2.2: black
    2.2: brown
    2.2: blond
    1.8: red
    1.6: grey
eyes:
    3.6: brown eyes
    3.2: blue eyes
    3.2: green eyes
glasses:
    glasses
    spectacles
"""


def faces() -> Grammar:
    """The default: prompts about photographs of faces."""
    return Grammar.parse(FACES, "faces")


def head_world() -> Grammar:
    """Prompts in the words that the demo models know."""
    return Grammar.parse(HEAD_WORLD, "head world")
