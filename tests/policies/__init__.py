"""Who may do what, proved both ways: by what is done under the synthesized policies, and by what is refused."""
