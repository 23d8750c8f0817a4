"""A character-level language model in the manner of Karpathy's char-rnn, trained and recorded.

Source: A. Karpathy, "The Unreasonable Effectiveness of Recurrent Neural Networks", 2015. The text
is sixteen of Shakespeare's sonnets, in the public domain; the last one is held out.
"""
