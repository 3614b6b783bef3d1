"""SQL text → Statement, and back: the grammar of tailrace's statements, without any I/O.

``split`` cuts a script into statements, ``parser`` turns one into a value of ``model`` (what is not
ours becomes ``PassThrough``, untouched), ``render`` writes it back, ``complete`` says what may
follow at a cursor. The grammar stands in ``grammar.lark``; ``compile`` turns it into ``tables``, so
that nothing of lark is imported when a statement is read.
"""
