"""The scripted judge: an OpenAI-compatible answer whose score comes from a script, and says so.

It serves only the demo project. It reads the question, the answer and the documents out of the request as
the product's judges write them, and fills whatever form the request asks for.
"""


