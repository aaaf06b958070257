"""The rules of sociaal krediet (SK-1 to SK-12): what follows from what, and nothing that happens.

- `caps`: how much may be lent, by whom, and to whom it is paid (SK-1, SK-6, SK-8)
- `schedules`: months, instalments and due dates (SK-2, SK-3, SK-4)
- `facts`: what can happen to a loan; `replaying`: what its facts come to, on the `plans` it makes of the schedule;
  `loans`: the loan as it then stands, and what may be done to it (SK-5, SK-7, SK-9, SK-12)
- `payments`: what became of a payment through Stripe (SK-12)
- `arrears`: what is done about a late instalment (SK-10)
- `products`: the legal basis of a loan (SK-11)
- `completeness`: what an application still lacks (SK-6, SK-8)
- `reasons`: what the borrower is told
"""
