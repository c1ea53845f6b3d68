"""Reading as clients of Hugging Face do: HF_ENDPOINT names query, and bytes come from storage."""
