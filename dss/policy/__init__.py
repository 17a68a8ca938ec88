"""
Pure judgement: functions of values that ask questions and give rulings.
"""
