"""The weaknesses of the exploit types: what each lays out for submissions, and notices. Nothing here decides a verdict.

Names that submissions look for (globals, frame locals, files, modules) are part of djinn's contract. A weakness here is the
object of study. Types without a module here lay nothing out.
"""
