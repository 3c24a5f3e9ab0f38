"""Text in and out of a model: prefill words, problem prompts, chat dialects, answers and their code."""
